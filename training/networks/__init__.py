"""Networks that are trained here, and the usual backbones for transfer learning."""
