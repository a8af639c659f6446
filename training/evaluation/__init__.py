"""How good networks are: measures on labelled photographs, calibration, and what the fusion of looks gains."""
