// One alert on one metric that is above a threshold.

param name string
param tags { *: string }
param text string
param scope string
param metricNamespace string
param metricName string
param aggregation string
param threshold int
param window string

@description('Empty: the metric as a whole.')
param dimension string
param values string[]

@description('Empty: the alert only shows in the portal.')
param actionGroupId string

resource alert 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    description: text
    severity: 2
    enabled: true
    scopes: [
      scope
    ]
    evaluationFrequency: 'PT5M'
    windowSize: window
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'above'
          metricNamespace: metricNamespace
          metricName: metricName
          timeAggregation: aggregation
          operator: 'GreaterThan'
          threshold: threshold
          dimensions: empty(dimension) ? [] : [
            {
              name: dimension
              operator: 'Include'
              values: values
            }
          ]
        }
      ]
    }
    actions: empty(actionGroupId) ? [] : [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}
