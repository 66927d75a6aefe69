"""How Thaw's own pretrained weights are made: drawn pictures, descriptors to learn, training, export."""
