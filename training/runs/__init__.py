"""What every training run shares: its folder, configuration, loop, checkpoints, logs and export."""
