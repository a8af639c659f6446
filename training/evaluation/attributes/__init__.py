"""`passerby evaluate attributes` and `adience`: age and gender against labels."""
