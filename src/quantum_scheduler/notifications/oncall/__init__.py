"""Who is on call: rotations, overrides, and the policies by which a page escalates."""
