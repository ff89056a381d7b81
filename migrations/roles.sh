#!/bin/sh
# Runs once in a new PostgreSQL container: the three roles, each with its password, and the database.
set -eu
psql -v ON_ERROR_STOP=1 --username postgres <<SQL
CREATE ROLE secretariat_owner LOGIN PASSWORD '${OWNER_PASSWORD}';
CREATE ROLE secretariat_app LOGIN PASSWORD '${APP_PASSWORD}';
CREATE ROLE secretariat_dispatcher LOGIN PASSWORD '${DISPATCHER_PASSWORD}';
CREATE DATABASE secretariat OWNER secretariat_owner;
SQL
