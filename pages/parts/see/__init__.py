"""What the page See shows, a file a question; its best parts stand under a finished pair elsewhere too."""
