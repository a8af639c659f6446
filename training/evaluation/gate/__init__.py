"""`passerby evaluate gate`: what the gate of quality lets through."""
