"""`passerby evaluate visits`: what the fusion of looks gains."""
