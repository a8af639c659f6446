"""The part that speaks: link, outbox, broker. It has no camera, no arrays and no neural network."""
