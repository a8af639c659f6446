"""The catalog: the networks and sets, where their files lie, and whether those are the right ones.

No numpy here: the publisher and the command line read manifests too.
"""
