"""The whole product in one terminal: a broker of its own, and a subscriber that prints what arrives."""
