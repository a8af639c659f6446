"""What the sensor sends through the link: visits made coarse, the pulse of health and live messages."""
