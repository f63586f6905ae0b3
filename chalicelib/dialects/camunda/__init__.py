"""Camunda 7's dialect: process definitions, instances, their history, and restarts in batches."""
