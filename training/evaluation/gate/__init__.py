"""`passerby evaluate gate`: what the quality gate lets through."""
