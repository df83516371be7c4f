"""Folders of images as data sets: what is in them, checksums, and decoded images in a file for Java."""
