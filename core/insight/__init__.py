"""What fine-tuning changed: saved models opened up, alone or as a pair. Modules import Keras only where a worker runs them."""
