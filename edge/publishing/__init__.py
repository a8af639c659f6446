"""The parts of the publisher's loop: what comes in, what goes out, and what it says of itself."""
