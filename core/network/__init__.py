"""MobileNetV2: its layers, where weights come from, what stands on top, and where the frozen part ends."""
