document.getElementById('inspector').textContent = 'The inspector.'
