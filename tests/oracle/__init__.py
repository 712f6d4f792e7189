"""Is a database what a store is? Every column, payload and link, decided by code that is not the plugin's."""
