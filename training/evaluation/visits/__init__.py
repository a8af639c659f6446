"""`passerby evaluate visits`: what it gains to fuse looks."""
