"""What `passerby analyze` does with pictures and footage: every face of every frame, or visits. Workstation only."""
