"""`passerby evaluate pose`: yaw and pitch against another network."""
