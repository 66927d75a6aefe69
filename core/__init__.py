"""Thaw's library: fine-tuning experiments from images to an explained verdict, without any user interface."""
