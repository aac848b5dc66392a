"""SMS by way of Twilio's Messages API: parse, render, connector, and a simulator to try it with."""
