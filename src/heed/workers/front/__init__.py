"""The SMPP front: existing programs bind to Heed as they would to a carrier."""
