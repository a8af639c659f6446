"""What a followed face becomes: a visit with dwell, attention and fused attributes."""
