"""Extract: speaks HTTP and Pydantic to Cal.com's API v2; knows no frame, no database, no Prefect."""
