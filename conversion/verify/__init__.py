"""How much each artefact lost against the float network, in tensors and in the task's own terms."""
