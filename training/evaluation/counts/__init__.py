"""`passerby evaluate counts`: visits of clips against a truth that says who was there, and when."""
