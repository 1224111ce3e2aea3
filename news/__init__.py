"""Feeds -> entries -> stories -> passages. Knows nothing of models or Streamlit."""
