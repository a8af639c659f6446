"""The connection to the broker: its address, its dialling, its words."""
