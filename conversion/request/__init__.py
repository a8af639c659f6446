"""What is asked of a conversion: recipe, options, files to begin with, pictures to calibrate and check with."""
