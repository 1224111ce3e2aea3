"""A question and its passages -> a checked answer. Knows nothing of feeds or Streamlit."""
