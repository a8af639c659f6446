"""`passerby evaluate scene`: a clip of people who walk in, stop, cross and leave, and the truth of it."""
