"""What a conversion is asked to do: recipe, options, files to start from, pictures to calibrate and check with."""
