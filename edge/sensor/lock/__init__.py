"""The walls that the sensor puts around itself once camera and models are open."""
