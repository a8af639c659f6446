"""The catalog: which networks and sets there are, where their files lie, whether those are the right ones.

No numpy here: the publisher and the command line read manifests too.
"""
