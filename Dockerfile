# One image for the app's processes and the workers: compose.yaml starts both from it.
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app

COPY requirements.txt requirements-server.txt ./
RUN pip install --no-cache-dir --only-binary :all: -r requirements-server.txt

COPY app.py asgi.py logs.py metrics.py ./
COPY .streamlit/config.toml .streamlit/
COPY pages pages/
COPY llm llm/
COPY news news/
COPY desk desk/
COPY storage storage/

# Without DATABASE_URL everything is kept in data/broadsheet.db: mount something there that lasts.
RUN useradd --system --create-home broadsheet && install -d -o broadsheet -g broadsheet data
USER broadsheet
VOLUME /app/data

EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/ready', timeout=4)"]
CMD ["python", "-m", "streamlit", "run", "asgi.py", "--server.address", "0.0.0.0", "--server.port", "8501", \
     "--server.headless", "true", "--server.fileWatcherType", "none"]
