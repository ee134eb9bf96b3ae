"""Ithaca: tagged notebooks become workflows whose steps run anywhere."""
