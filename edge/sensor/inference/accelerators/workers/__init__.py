"""The programs of the child processes; some run in interpreters of their own, with nothing of this package there."""
