"""Networks on runtimes: one adapter a vendor library, imported only when its target is chosen."""
