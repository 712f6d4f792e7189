"""What documents of money and of goods rest on: amounts in minor units, days, the status of a document."""
