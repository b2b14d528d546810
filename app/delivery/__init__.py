"""What happens later: durable jobs, and the delivery of server messages that is one of them."""
