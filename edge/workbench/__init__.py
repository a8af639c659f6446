"""What a person does at a desk with the parts of the device; no service imports it."""
