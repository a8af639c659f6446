"""The workstation half of Passerby: it trains and evaluates networks."""
