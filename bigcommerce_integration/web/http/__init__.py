"""What HTTP asks of every view: who calls, what is in the request, how an answer or a refusal is written."""
