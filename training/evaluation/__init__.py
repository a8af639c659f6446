"""How good networks are: measures on labelled photographs, calibration, and what fusing looks gains."""
