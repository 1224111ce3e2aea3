"""What the screens are put together from. Streamlit gives each file beside the screens an address; not those here."""
