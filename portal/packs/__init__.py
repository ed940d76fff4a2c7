"""Year packs: making one in the background, and handing it out."""
