"""Following faces over frames by motion and overlap alone: no embedding, nothing that would know a face again."""
