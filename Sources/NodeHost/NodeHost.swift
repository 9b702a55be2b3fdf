// Replaced by its first file.
