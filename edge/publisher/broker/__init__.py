"""The connection to the broker: address, dialling, MQTT."""
