"""Training of the joint network of age and gender."""
